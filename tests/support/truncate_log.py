#!/usr/bin/env python3
"""Takes the last batch off a partition of a stopped broker, as a machine does that crashed before it wrote it to its disk.

    truncate_log.py DATA_FOLDER TOPIC PARTITION      prints the offset at which the log ends now
"""
import glob
import os
import struct
import sys

BATCH_HEADER = struct.Struct(">qiib")  # base offset, length, leader epoch, magic
LENGTH_COUNTS_FROM = 12


def batches(data):
    position = 0
    while position + BATCH_HEADER.size <= len(data):
        base_offset, length, _, _ = BATCH_HEADER.unpack_from(data, position)
        if length <= 0:  # room that was allocated in advance
            return
        yield position, base_offset
        position += LENGTH_COUNTS_FROM + length


def main():
    folder = os.path.join(sys.argv[1], f"{sys.argv[2]}-{sys.argv[3]}")
    segment = max(glob.glob(os.path.join(folder, "*.log")))
    with open(segment, "r+b") as file:
        position, base_offset = list(batches(file.read()))[-1]
        file.truncate(position)
    # The broker is to find out by itself what is there, as after a crash.
    for path in glob.glob(os.path.join(folder, "*index")) + glob.glob(os.path.join(folder, "*.snapshot")):
        os.remove(path)
    marker = os.path.join(sys.argv[1], ".kafka_cleanshutdown")
    if os.path.exists(marker):
        os.remove(marker)
    print(base_offset)


if __name__ == "__main__":
    main()
