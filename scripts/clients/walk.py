# The walk of the matrix with the Python client: prints one JSON line for each step, and waits on stdin while the server is
# started again.
import asyncio
import json
import os
import sys

from mcp import Client

IMAGES = json.loads(os.environ["WALK_IMAGES"])
JOB = os.environ["WALK_JOB"]


def done(step, ok, note=""):
    print(json.dumps({"step": step, "ok": bool(ok), "note": str(note)}), flush=True)


async def main():
    async with Client(os.environ["WALK_URL"], mode=sys.argv[1]) as client:
        done("initialize", client.server_info.name == "ai-toolkit", client.protocol_version)
        tools = (await client.list_tools()).tools
        done("list", any(tool.name == "wait_for_training" for tool in tools), len(tools))
        stats = await client.call_tool("get_system_stats", {})
        done("call", not stats.is_error and "cpu_percent" in stats.structured_content)
        shown = await client.call_tool("view_dataset", {"name": "cats"})
        done("image", any(block.type == "image" for block in shown.content))
        gone = await client.call_tool("get_config", {"name": "gone"})
        done("error", gone.is_error and json.loads(gone.content[0].text)["code"] == "not_found")
        seen = []

        async def progress(value, total, message):
            seen.append(value)

        arguments = {"dataset_name": "walked", "images": IMAGES, "overwrite": True}
        await client.call_tool("upload_dataset", arguments, progress_callback=progress)
        done("progress", seen == sorted(seen) and len(seen) > 0, len(seen))
        waiting = asyncio.create_task(client.call_tool("wait_for_training", {"job_id": JOB, "seconds": 45}))
        await asyncio.sleep(0.5)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        again = await client.call_tool("list_configs", {})
        done("cancel", waiting.cancelled() and not again.is_error)
        done("ready", True)
        await asyncio.to_thread(sys.stdin.readline)
        after = (await client.list_tools()).tools
        done("restart", len(after) == len(tools))


asyncio.run(main())
