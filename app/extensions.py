"""Extensions, unbound. Imports no application code, so everything may import it."""

from __future__ import annotations

from flask_appbuilder import Model
from flask_appbuilder.models.sqla.base import SQLA
from flask_mail import Mail
from flask_migrate import Migrate
from flask_socketio import SocketIO
from flask_sqlalchemy import SQLAlchemy

# One metadata for FAB's tables and ours; without it `db.metadata` would be empty.
db: SQLAlchemy = SQLA(metadata=Model.metadata)
socketio = SocketIO()
mail = Mail()
migrate = Migrate(render_as_batch=True, compare_type=True, compare_server_default=False)

__all__ = ["Model", "db", "mail", "migrate", "socketio"]
