"""What xAPI statements mean: which verbs say passed or viewed, and which activities are courses and materials."""

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

VOIDED = "http://adlnet.gov/expapi/verbs/voided"
FAILED = "http://adlnet.gov/expapi/verbs/failed"

Iri = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9+.-]*:\S+$", max_length=2000)]
Code = Annotated[str, StringConstraints(pattern=r"^\S{1,40}$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Meaning(_Model):
    """A verb that means something; ``types`` and the result extension narrow it down."""

    verb: Iri = Field(description="IRI of the verb")
    types: tuple[Iri, ...] = Field((), description="types of the object, any of them; none given: all")
    extension: Iri | None = Field(None, description="result extension that must have the value of ``equals``")
    equals: str | None = Field(None, description="the value that the extension must have")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.extension is None) != (self.equals is None):
            raise ValueError("expected extension and equals together")
        if self.verb == VOIDED:
            raise ValueError("expected another verb; voiding statements are applied in any case")
        return self


class Course(_Model):
    """Activities that are courses, and their ``ma_khoa_hoc``.

    ``activity`` is an IRI with its ``code``, or a pattern in which ``{code}`` stands for the code itself and ``*`` for
    any text. Neither of the two goes beyond a ``/``, ``?`` or ``#``; ``{code}`` not beyond a ``&`` or ``+`` either.
    """

    activity: Iri = Field(description="IRI of the activity, or a pattern with ``{code}`` and ``*``")
    code: Code | None = Field(None, description="the code, unless ``{code}`` stands in the pattern")

    @model_validator(mode="after")
    def _one_code(self) -> Self:
        if self.activity.count("{code}") + (self.code is not None) != 1:
            raise ValueError("expected either code, or {code} once in activity")
        return self

    @property
    def is_pattern(self) -> bool:
        """Whether ``activity`` stands for several IRIs."""
        return self.code is None or "*" in self.activity

    @property
    def regular_expression(self) -> str:
        """Matches the whole IRI; its group, if any, is the code."""
        known = {"*": "[^/?#]*", "{code}": "([^/?#&+]+)"}
        return "".join(known.get(piece, re.escape(piece)) for piece in re.split(r"(\*|\{code\})", self.activity))


class Material(Course):
    """Activities that are materials, and their ``ma_hoc_lieu``; ``course`` is the course they belong to.

    Without ``course`` it is the first course among the statement's context activities (parent, then grouping).
    """

    course: Iri | None = Field(None, description="IRI of the course it belongs to, unless the statements name it")


class MappingOfStatements(_Model):
    """What statements mean. The first entry that fits an activity stands; courses come before materials."""

    moodle_site: Iri | None = Field(None, description="home page of the Moodle whose users, courses, modules these are")
    passed: tuple[Meaning, ...] = Field((), description="verbs that say of a course that it is passed")
    viewed: tuple[Meaning, ...] = Field((), description="verbs that say of a material that it is viewed")
    courses: tuple[Course, ...] = Field((), description="activities that are courses, with their ``ma_khoa_hoc``")
    materials: tuple[Material, ...] = Field((), description="activities that are materials, with their ``ma_hoc_lieu``")

    @field_validator("moodle_site")
    @classmethod
    def _without_slash(cls, site: str | None) -> str | None:
        return site.rstrip("/") if site else site

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if any(meaning.verb == FAILED for meaning in self.passed):
            raise ValueError("passed: expected no verb failed; it never means passed")
        activities = [entry.activity for entry in (*self.courses, *self.materials)]
        if repeated := sorted({one for one in activities if activities.count(one) > 1}):
            raise ValueError(f"expected each activity once; {repeated[0]} is repeated")
        known = [*(entry.regular_expression for entry in self.courses), self.moodle_pattern("course")]
        for material in self.materials:
            if material.course and not any(one and re.fullmatch(one, material.course) for one in known):
                raise ValueError(f"materials: expected a course that courses has; {material.course} is none")
        return self

    @property
    def extensions(self) -> tuple[str, ...]:
        """The result extensions that conditions look at."""
        return tuple(sorted({one.extension for one in (*self.passed, *self.viewed) if one.extension}))

    def moodle_pattern(self, kind: Literal["course", "module"]) -> str | None:
        """Regular expression for the IRI of a Moodle course or module; its group is the id. None without a site."""
        if self.moodle_site is None:
            return None
        page = {"course": "course", "module": "mod/[a-z0-9_]+"}[kind]
        return re.escape(self.moodle_site) + f"/{page}/view\\.php\\?id=([1-9][0-9]{{0,14}})"
