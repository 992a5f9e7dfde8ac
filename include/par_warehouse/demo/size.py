"""How large a demo city is."""

from dataclasses import dataclass

MOST_STAFF = 800_000


@dataclass(frozen=True)
class DemoSize:
    """Head counts as of 31/12/2024, and how finely the units are divided.

    `staff` counts the rows of `nhan_su.csv`, `leaders` the active leaders that I1 counts (staff doing PAR work who were
    appointed come on top), `views` the views of the e-learning platform up to that day.
    """

    staff: int
    par_staff: int
    leaders: int
    views: int
    department_rooms: int = 3
    department_services: int = 1
    district_rooms: int = 3
    district_services: int = 1
    communes_per_district: int = 3
    commune_rooms: int = 1
    commune_services: int = 0

    def __post_init__(self) -> None:
        if min(self.staff - 1, self.par_staff, self.leaders, self.views) < 0 or self.staff > MOST_STAFF:
            raise ValueError(f"A demo size has 1 to {MOST_STAFF:,} staff and no negative number.")
        if self.tracked > self.staff:
            raise ValueError(f"{self.par_staff} PAR staff and {self.leaders} leaders need {self.tracked} staff.")
        if self.department_rooms < 1 or self.district_rooms < 1:
            raise ValueError("Departments and districts need at least one room each, where PAR staff work.")

    @property
    def roster(self) -> int:
        """Persons with a time on the PAR roster: today's, former and future ones."""
        return self.par_staff + self.par_staff // 6 + self.par_staff // 20

    @property
    def tracked(self) -> int:
        """Persons the plan follows: the roster, the leaders, and the leaders appointed in 2025 and 2026."""
        return self.roster + self.leaders + self.leaders // 10


SIZES = {
    "demo": DemoSize(staff=2_000, par_staff=300, leaders=400, views=20_000),
    "city": DemoSize(
        staff=200_000,
        par_staff=1_000,
        leaders=4_000,
        views=2_000_000,
        department_rooms=8,
        department_services=12,
        district_rooms=12,
        district_services=60,
        communes_per_district=40,
        commune_rooms=4,
        commune_services=8,
    ),
}
