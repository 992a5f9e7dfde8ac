"""Recipients: who is told what the nights find, out of ``recipients.yml``.

An agency's data stewards are told about their own agency only, and the city's administrators about everything that no
agency with recipients is told, besides counts. As shipped nobody is told anything.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

CITY = "city"
"""The scope of the city's administrators; every other scope is the code of an agency."""

Severity = Literal["first", "listed", "counted"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SIGHTING_CODES = {"MISSING_FILE", "NOT_DELIVERED", "UNUSABLE"}


def _address(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", value):
        raise ValueError("expected one mail address, such as thongke@sonoivu.example.vn")
    return value


Address = Annotated[str, AfterValidator(_address)]
ChatName = Annotated[str, Field(pattern="^[a-z0-9_]{1,40}$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Office(_Model):
    """Who is told for the city."""

    mail: tuple[Address, ...] = Field((), description="mail addresses; each gets a mail of its own")
    chat: tuple[ChatName, ...] = Field((), description="names of chat webhooks, whose URLs are in ``PAR_CHAT_URLS``")

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        """Channel and recipient of every message for this office."""
        return (*(("mail", one) for one in dict.fromkeys(self.mail)), *(("chat", one) for one in self.chat))


class Agency(Office):
    """Who is told for one agency, and which senders of deliveries are it."""

    senders: tuple[str, ...] = Field(
        (),
        description="senders (``{part}`` in ``sources.yml``) whose findings are this agency's if they name no unit;"
        " without them the city is told",
    )


class Quiet(_Model):
    """Days on whose morning nobody is told; the next digest tells what has happened meanwhile."""

    weekdays: tuple[Weekday, ...] = Field((), description="days of the week")
    dates: tuple[date, ...] = Field((), description="single days, such as 2025-01-01")


class Escalation(_Model):
    """When the city is told about what an agency leaves open."""

    after_nights: int = Field(
        3, ge=1, le=60, description="nights, the first one included, that a finding has been open"
    )


class Recipients(_Model):
    """The content of ``recipients.yml``."""

    city: Office = Field(Office.model_validate({}), description="the city's administrators")
    agencies: Mapping[str, Agency] = Field(
        default_factory=dict, description="per code of a unit directly below the city"
    )
    severities: Mapping[str, Severity] = Field(
        default_factory=dict,
        description="per rule code: ``first``: stands at the top; ``listed``: below, as every code that is not named;"
        " ``counted``: only its number is told, and it alone is no reason for a message",
    )
    quiet: Quiet = Field(Quiet.model_validate({}), description="days without a digest")
    escalation: Escalation = Field(
        Escalation.model_validate({}), description="what the city is told of other offices' findings"
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        agency_of: dict[str, str] = {}
        for code, agency in self.agencies.items():
            if not re.fullmatch(r"[A-Z][A-Za-z0-9._-]*", code):
                raise ValueError(f"expected codes of units in agencies, such as H29.01; found {code!r}")
            for sender in agency.senders:
                if agency_of.setdefault(sender, code) != code:
                    raise ValueError(
                        f"expected each sender at one agency; {sender!r} is at {agency_of[sender]} and {code}"
                    )
        if self.severities and (unknown := sorted(set(self.severities) - rule_codes())):
            raise ValueError(
                f"expected rule codes in severities ({', '.join(sorted(rule_codes()))}); found {unknown[0]}"
            )
        return self

    @property
    def offices(self) -> dict[str, Office]:
        """The offices that are told anything, by scope; the city first."""
        all_of_them: dict[str, Office] = {CITY: self.city, **dict(sorted(self.agencies.items()))}
        return {scope: office for scope, office in all_of_them.items() if office.ways}

    def is_quiet(self, day: date) -> bool:
        """Whether no digest goes out on the morning of a day."""
        return day in self.quiet.dates or _WEEKDAYS[day.weekday()] in self.quiet.weekdays

    def is_told(self, scope: str, channel: str, recipient: str) -> bool:
        """Whether a message that was queued once may still go to its recipient."""
        return scope in self.offices and (channel, recipient) in self.offices[scope].ways


def rule_codes() -> set[str]:
    """The codes that a finding can have."""
    from par_warehouse.contract import TABLES
    from par_warehouse.rules import DELIVERY_FILE_SUITE, load_suite, suite_of

    suites = [load_suite(DELIVERY_FILE_SUITE), *(suite_of(table) for table in TABLES)]
    return {rule.code for suite in suites for rule in suite.rules if rule.severity != "warning"} | _SIGHTING_CODES
