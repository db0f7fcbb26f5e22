"""Artifacts through the server: put, listed, read, deleted; paths that lead out."""

from tests.mlflow.asking import Better, ask
from tests.mlflow.scenes.runs import WRONG, start

PROXY = "/api/2.0/mlflow-artifacts/artifacts"
ROOT = "$exp/$run/artifacts"
# A page that somebody logged must never run as one of the server's own.
AS_TEXT = Better(status=200, kind="text/plain")
OUT = (
    "%2e%2e/%2e%2e/secret",
    "..%2fsecret",
    "%252e%252e/secret",
    "a/..%5c..%5csecret",
    "%2fetc/passwd",
    "a%00b",
)


def put(name, path, body, **more):
    """Store a file."""
    return ask(name, f"PUT {PROXY}/{ROOT}/{path}", body, headers={"content-type": "application/octet-stream"}, **more)


PROXIED = [
    *start("artifacts"),
    ask("nothing yet", "GET artifacts/list", {"run_id": "$run"}),
    put("put text", "notes.txt", b"first line\nsecond line\n"),
    put("put nested", "plots/deep/points.csv", b"a,b\n1,2\n"),
    put("put html", "plots/page.html", b"<b>x</b>"),
    put("put yaml", "model/MLmodel", b"flavors: {}\n"),
    put("put json", "model/info.json", b"{}"),
    put("put bytes", "model/data.bin", bytes(range(256))),
    put("put nothing", "empty.txt", b""),
    put("put a name with spaces", "with%20space%20%26%20more.txt", b"x"),
    put("put again", "notes.txt", b"first line\nchanged\n"),
    ask("list root", f"GET {PROXY}", {"path": ROOT}),
    ask("list folder", f"GET {PROXY}", {"path": f"{ROOT}/plots"}),
    ask("list deep folder", f"GET {PROXY}", {"path": f"{ROOT}/plots/deep"}),
    ask("list a file", f"GET {PROXY}", {"path": f"{ROOT}/notes.txt"}),
    ask("list nothing", f"GET {PROXY}", {"path": f"{ROOT}/nothing"}),
    ask("list by run", "GET artifacts/list", {"run_id": "$run"}),
    ask("list by run_uuid", "GET artifacts/list", {"run_uuid": "$run"}),
    ask("list folder by run", "GET artifacts/list", {"run_id": "$run", "path": "plots"}),
    ask("list file by run", "GET artifacts/list", {"run_id": "$run", "path": "notes.txt"}),
    ask("list nothing by run", "GET artifacts/list", {"run_id": "$run", "path": "nothing"}),
    ask("list of an unknown run", "GET artifacts/list", {"run_id": "0" * 31 + "1"}),
    ask("list without run", "GET artifacts/list", {}),
    ask("list outside", "GET artifacts/list", {"run_id": "$run", "path": "../.."}),
    *(ask(f"get {name}", f"GET {PROXY}/{ROOT}/{path}") for name, path in (
        ("text", "notes.txt"), ("csv", "plots/deep/points.csv"), ("MLmodel", "model/MLmodel"),
        ("json", "model/info.json"), ("bytes", "model/data.bin"), ("empty", "empty.txt"), ("spaces", "with%20space%20%26%20more.txt"))),
    ask("get html", f"GET {PROXY}/{ROOT}/plots/page.html", better=AS_TEXT),
    ask("get a part", f"GET {PROXY}/{ROOT}/notes.txt", headers={"range": "bytes=6-9"}),
    ask("get nothing", f"GET {PROXY}/{ROOT}/nothing.txt"),
    ask("get a folder", f"GET {PROXY}/{ROOT}/plots", better=Better(status=404, code="RESOURCE_DOES_NOT_EXIST")),
    ask("get by page", "GET /get-artifact", {"run_id": "$run", "path": "notes.txt"}),
    ask("get by page, nested", "GET /get-artifact", {"run_uuid": "$run", "path": "plots/page.html"}, better=AS_TEXT),
    ask("get by page, nothing", "GET /get-artifact", {"run_id": "$run", "path": "nothing.txt"}, better=Better(status=404, code="RESOURCE_DOES_NOT_EXIST")),
    ask("get by page, outside", "GET /get-artifact", {"run_id": "$run", "path": "../../x"}),
    ask("get by page, without path", "GET /get-artifact", {"run_id": "$run"}, better=Better(status=400)),
    ask("browser's prefix", "GET /ajax-api/2.0/mlflow-artifacts/artifacts", {"path": f"{ROOT}/plots"}),
    ask("delete a file", f"DELETE {PROXY}/{ROOT}/plots/page.html"),
    ask("delete a folder", f"DELETE {PROXY}/{ROOT}/plots"),
    ask("delete nothing", f"DELETE {PROXY}/{ROOT}/plots"),
    ask("list at the end", f"GET {PROXY}", {"path": ROOT}),
]  # fmt: skip

OUTSIDE = [
    *start("outside"),
    put("put", "here.txt", b"x"),
    *(put(f"put {path}", path, b"x", better=WRONG) for path in OUT),
    *(ask(f"get {path}", f"GET {PROXY}/{ROOT}/{path}", better=WRONG) for path in OUT),
    *(ask(f"delete {path}", f"DELETE {PROXY}/{ROOT}/{path}", better=WRONG) for path in OUT),
    *(ask(f"list {path}", f"GET {PROXY}", {"path": f"{ROOT}/{path}"}, better=WRONG) for path in ("../..", "..%2f..", "a\\..\\..")),
    ask("list at the end", f"GET {PROXY}", {"path": ROOT},
        better=Better(status=200, body={"files": [{"path": "here.txt", "is_dir": False, "file_size": 1}]})),
]  # fmt: skip
