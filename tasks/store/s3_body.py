"""A chunk in memory as the body of one request."""

import io

from tasks.store.digests import PIECE_BYTES


class Body:
    """Sent a piece at a time, without a copy.

    botocore copies plain bytes into one buffer with the headers, and a socket's timeout bounds the sending of the whole
    buffer: a chunk on a slow line would never arrive. By pieces the timeout bounds the silence, as it should. Having a
    `read`, such a body is also announced (`Expect: 100-continue`), so that a refusal costs no transfer.

    Args:
        content: The chunk; it must not change meanwhile.
    """

    def __init__(self, content: bytes | bytearray) -> None:
        self.content = memoryview(content)
        self.position = 0

    def __len__(self) -> int:
        return len(self.content)

    def read(self, _size: int = -1) -> memoryview:
        """The next piece, whatever size is asked for: urllib3 asks for 16 KiB and sends what it gets."""
        piece = self.content[self.position : self.position + PIECE_BYTES]
        self.position += len(piece)
        return piece

    def tell(self) -> int:
        """How much was read."""
        return self.position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Start again, as a retry does."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: len(self.content)}[whence]
        self.position = base + offset
        return self.position
