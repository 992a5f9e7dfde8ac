"""
### Messages of the PAR capacity warehouse that still wait

Every 15 minutes it hands over what the nights could not: a mail server or a chat was down. With an empty outbox it does
nothing. Who is told what: `docs/how-to/send-alerts.md`.

| task | does |
|---|---|
| `send` | hands over what waits, in order for each recipient |

**When it fails:** it does not; it tries again the next time. The last line of the task's log says what is wrong.

| log says | do |
|---|---|
| no connection `par_smtp`, the mail server cannot be reached, does not accept its login | repair the connection |
| the mail server refused a recipient | correct the address in `recipients.yml`; the city is told, too |
| `PAR_CHAT_URLS` has no line | add the address of the chat, or take its name out of `recipients.yml` |
"""

from datetime import datetime
from zoneinfo import ZoneInfo

from airflow.sdk import CronTriggerTimetable, dag

from par_airflow.tell import send_task

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


@dag(
    schedule=CronTriggerTimetable("*/15 * * * *", timezone=ZONE.key),
    start_date=datetime(2022, 1, 1, tzinfo=ZONE),
    catchup=False,
    max_active_runs=1,
    tags=["par"],
    doc_md=__doc__,
)
def par_outbox():
    """Wire the outbox."""
    send_task()


par_outbox()
