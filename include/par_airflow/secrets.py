"""The warehouse's secrets out of Airflow's connections, for those who keep all their secrets there.

The password of a connection named below becomes the variable of the same secret, in the task's own process. A variable
that is set goes first. Airflow keeps what it has masked out of its logs.
"""

import os
from collections.abc import Mapping

from par_warehouse.chat import CHAT_URLS
from par_warehouse.keys import LANDING_KEY, PERSON_KEY, given_secret

CONNECTIONS = {"par_person_key": PERSON_KEY.variable, "par_landing_key": LANDING_KEY.variable}
CHATS = {"par_chat_urls": CHAT_URLS}


def secrets_from_connections(connections: Mapping[str, str] = CONNECTIONS) -> None:
    """Set each variable to the password of its connection, before a step runs.

    Raises ParError when a file of a secret cannot be read.
    """
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException
    from airflow.sdk.log import mask_secret

    for connection_id, variable in connections.items():
        given = given_secret(variable)
        if given is None:
            try:
                given = Connection.get(connection_id).password
            except AirflowNotFoundException:
                continue
            if not given:
                continue
            os.environ[variable] = given
        for line in given.splitlines():
            mask_secret(line)
            if variable == CHAT_URLS:
                mask_secret(line.partition("=")[2])
