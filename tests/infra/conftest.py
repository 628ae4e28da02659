"""A folder to publish, as the store's tests have it."""

from tests.store.conftest import folder as folder
