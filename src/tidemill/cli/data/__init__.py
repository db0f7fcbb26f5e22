"""`tidemill data …`, a module a group of verbs; each loads when it is asked for."""

from tidemill.cli.lazy_group import LazyGroup

data = LazyGroup(
    {
        "Versions": {
            "add": ("tidemill.cli.data.versions:add", "Make a version of a file, a pattern, a folder or an address."),
            "watch": ("tidemill.cli.data.watch:watch", "Append each new file of a folder as it arrives."),
            "status": ("tidemill.cli.data.folders:status", "How a version's source differs from it now."),
            "list": ("tidemill.cli.data.versions:list_", "The datasets."),
            "log": ("tidemill.cli.data.versions:log", "The versions of a dataset, newest first."),
            "show": ("tidemill.cli.data.versions:show_", "A version, its source and its schema."),
            "checkout": ("tidemill.cli.data.folders:checkout", "Write a version to disk."),
            "split": ("tidemill.cli.data.splits:split", "Training and test sets as versions of their own."),
            "tag": ("tidemill.cli.data.versions:tag_", "Let a tag point to a version."),
            "untag": ("tidemill.cli.data.versions:untag", "Remove a tag; the version stays."),
            "progress": ("tidemill.cli.data.folders:progress", "How far an addition or a checkout is."),
        },
        "Look": {
            "profile": ("tidemill.cli.data.profiling:profile", "What is known of each column of a version or a file."),
            "sample": ("tidemill.cli.data.looking:sample", "The first rows of a version."),
            "diff": ("tidemill.cli.data.looking:diff", "What differs between two versions."),
            "personal": ("tidemill.cli.data.personal:personal", "Columns that hold personal data."),
        },
        "Check": {
            "suggest-rules": (
                "tidemill.cli.data.rules:suggest_rules",
                "Rules that a version keeps, with what was seen.",
            ),
            "check": ("tidemill.cli.data.rules:check", "Hold rules against a version or a file."),
            "bad-rows": ("tidemill.cli.data.rules:bad_rows", "Rows that break each rule of a version."),
            "report": ("tidemill.cli.data.looking:report", "What the rules found when a version was made."),
        },
        "Label": {
            "label": ("tidemill.cli.data.labelling:label", "Ask people for a column, and serve the page."),
            "labels": ("tidemill.cli.data.labels:labels", "Labelling tasks: progress, answers, and what they become."),
        },
        "Elsewhere": {
            "sources": ("tidemill.cli.data.sources:sources", "Databases, lakes and stores that can be read."),
            "remote": ("tidemill.cli.data.stores:remote", "Places that several workspaces reach."),
            "push": ("tidemill.cli.data.stores:push", "Bring a version to a remote."),
            "pull": ("tidemill.cli.data.stores:pull", "Take a version from a remote."),
            "transfers": ("tidemill.cli.data.stores:transfers", "The last pushes and pulls."),
        },
        "Keep tidy": {
            "verify": ("tidemill.cli.data.folders:verify", "Read every stored byte of a version."),
            "delete": ("tidemill.cli.data.deleting:delete", "Put a version or a dataset into the trash."),
            "restore": ("tidemill.cli.data.deleting:restore", "Take a version or a dataset out of the trash."),
            "removed": ("tidemill.cli.data.deleting:removed", "Versions that were removed for good."),
            "gc": ("tidemill.cli.gc:gc", "Remove for good what nothing names any more."),
        },
    },
    name="data",
    help="""Work with datasets and their versions.

    \b
    tidemill data add orders orders.csv --key id    keep it
    tidemill data profile orders                    look at it
    tidemill data suggest-rules orders              say what holds of it
    tidemill data diff orders@1 orders@2            see what changed
    """,
)
