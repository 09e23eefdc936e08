#!/usr/bin/env python3
"""Changes bytes of a record in a stopped broker's log, as someone with access to its disk could, and mends the batch's
checksum so that Kafka itself notices nothing. Prints "partition <n>, offset <o>" of the batch's first record.

    change_segment.py DATA_FOLDER TOPIC OLD NEW      OLD and NEW of the same length; OLD must occur exactly once
"""
import glob
import os
import re
import struct
import sys

BATCH_HEADER = struct.Struct(">qiibI")  # base offset, length, leader epoch, magic, CRC-32C of all after it
CRC_COVERS_FROM = BATCH_HEADER.size


def crc32c(data):
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def change(path, old, new):
    with open(path, "rb") as file:
        data = bytearray(file.read())
    position = 0
    while position + BATCH_HEADER.size <= len(data):
        base_offset, length, _, _, crc = BATCH_HEADER.unpack_from(data, position)
        end = position + 12 + length
        at = data.find(old, position, end)
        if at >= 0:
            covered = position + CRC_COVERS_FROM
            assert crc32c(data[covered:end]) == crc, "the batch is not as expected"
            data[at:at + len(new)] = new
            struct.pack_into(">I", data, covered - 4, crc32c(data[covered:end]))
            with open(path, "wb") as file:
                file.write(data)
            return base_offset
        position = end
    return None


def main():
    folder, topic, old, new = sys.argv[1], sys.argv[2], sys.argv[3].encode(), sys.argv[4].encode()
    assert len(old) == len(new)
    changed = []
    for path in sorted(glob.glob(os.path.join(folder, f"{topic}-*", "*.log"))):
        offset = change(path, old, new)
        if offset is not None:
            partition = re.search(r"-(\d+)$", os.path.dirname(path)).group(1)
            changed.append(f"partition {partition}, offset {offset}")
    if len(changed) != 1:
        sys.exit(f"{len(changed)} batches of {topic} hold {old!r}")
    print(changed[0])


if __name__ == "__main__":
    main()
