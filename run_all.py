"""Run the jobs that have no record, then write the tables: ``python run_all.py --datasets beauty art taobao``."""

from bench.cli.main import main

if __name__ == "__main__":
    main(command="run")
