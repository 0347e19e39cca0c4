"""Read many directories on the workers of a Dask cluster, and write one Parquet file.

    python examples/cluster/collect.py runs-a runs-b

For a cluster of several machines pass its scheduler's address: `Client("tcp://head:8786")`.
"""

import sys

import pandas as pd
from dask.distributed import Client
from meticulous_read import Experiments


def read(directory: str) -> pd.DataFrame:
    return Experiments([directory]).as_dataframe(flat=True)  # ids such as runs-a/3


if __name__ == "__main__":
    with Client(threads_per_worker=1, dashboard_address=None) as client:
        frame = pd.concat(client.gather(client.map(read, sys.argv[1:])))
    for name in frame.select_dtypes(object):  # lists, objects, and columns of several types
        frame[name] = frame[name].map(str, na_action="ignore")
    frame.to_parquet("results.parquet")
    print(f"results.parquet: {len(frame)} experiments")
