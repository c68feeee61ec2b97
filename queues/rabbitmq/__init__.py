"""RabbitMQ by pika; nothing outside this package imports pika.

One thread with an event loop of its own holds two connections, since an alarm stops the reading of those that
publish: ``link`` keeps each of them up, ``publisher`` and ``consumer`` live in them, ``broker`` is the door for all
other threads. Nothing is shared between the loop and other threads but calls across ``call_soon_threadsafe``.
"""

from queues.rabbitmq.administrator import Administrator, Estate
from queues.rabbitmq.broker import RabbitBroker
from queues.rabbitmq.letters import DeadLetterBox
from queues.rabbitmq.tls import verifying
from queues.rabbitmq.tuning import Tuning

__all__ = ["Administrator", "DeadLetterBox", "Estate", "RabbitBroker", "Tuning", "verifying"]
