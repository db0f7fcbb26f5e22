"""`tidemill data …`, a module a group of verbs; each loads when it is asked for."""

from tidemill.cli.lazy_group import LazyGroup

data = LazyGroup(
    {
        "Commands": {
            "add": ("tidemill.cli.data.versions:add", "Make a version of a file, a pattern, a folder or an address."),
            "watch": ("tidemill.cli.data.watch:watch", "Append each new file of a folder as it arrives."),
            "sources": ("tidemill.cli.data.sources:sources", "The sources that are installed beside files."),
            "list": ("tidemill.cli.data.versions:list_", "The datasets."),
            "log": ("tidemill.cli.data.versions:log", "The versions of a dataset, newest first."),
            "show": ("tidemill.cli.data.versions:show_", "A version, its source and its schema."),
            "profile": ("tidemill.cli.data.profiling:profile", "What is known of each column of a version or a file."),
            "report": ("tidemill.cli.data.looking:report", "What the quality rules found in a version."),
            "sample": ("tidemill.cli.data.looking:sample", "The first rows of a version."),
            "diff": ("tidemill.cli.data.looking:diff", "What differs between two versions."),
            "personal": ("tidemill.cli.data.personal:personal", "Columns that hold personal data."),
            "progress": ("tidemill.cli.data.folders:progress", "How far an addition or a checkout is."),
            "split": ("tidemill.cli.data.splits:split", "Training and test sets as versions of their own."),
            "status": ("tidemill.cli.data.folders:status", "How a version's source differs from it now."),
            "checkout": ("tidemill.cli.data.folders:checkout", "Write a version to disk."),
            "verify": ("tidemill.cli.data.folders:verify", "Read every stored byte of a version."),
            "check": ("tidemill.cli.data.rules:check", "Hold rules against a version or a file."),
            "suggest-rules": (
                "tidemill.cli.data.rules:suggest_rules",
                "Rules that a version keeps, with what was seen.",
            ),
            "bad-rows": ("tidemill.cli.data.rules:bad_rows", "Rows that break each rule of a version."),
            "push": ("tidemill.cli.data.stores:push", "Bring a version to a remote."),
            "pull": ("tidemill.cli.data.stores:pull", "Take a version from a remote."),
            "remote": ("tidemill.cli.data.stores:remote", "Places that several workspaces reach."),
            "transfers": ("tidemill.cli.data.stores:transfers", "The last pushes and pulls."),
            "gc": ("tidemill.cli.gc:gc", "Remove for good what nothing names any more."),
            "delete": ("tidemill.cli.data.deleting:delete", "Put a version or a dataset into the trash."),
            "restore": ("tidemill.cli.data.deleting:restore", "Take a version or a dataset out of the trash."),
            "removed": ("tidemill.cli.data.deleting:removed", "Versions that were removed for good."),
            "tag": ("tidemill.cli.data.versions:tag_", "Let a tag point to a version."),
            "untag": ("tidemill.cli.data.versions:untag", "Remove a tag; the version stays."),
            "label": ("tidemill.cli.data.labelling:label", "Ask people for a column, and serve the page."),
            "labels": ("tidemill.cli.data.labels:labels", "Labelling tasks."),
        }
    },
    name="data",
    help="Work with datasets and their versions.",
)
