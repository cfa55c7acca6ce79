"""Every mistake is told with file, line, object, field, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.trees import load, write

HEAD = """\
apiVersion: swarmkeeper.dev/v1alpha1
kind: SwarmService
metadata:
  name: web
spec:
  image: app:1
"""
WEB = "SwarmService/web"


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        ("  replicas: -1", f"a.yaml:7: {WEB}: spec.replicas: must be at least 0, got -1"),
        (
            '  replicas: "3"',
            (
                f"a.yaml:7: {WEB}: spec.replicas: must be a whole number, got '3' as text: "
                "remove the quotes"
            ),
        ),
        ("  replicas: 1.5", f"a.yaml:7: {WEB}: spec.replicas: must be a whole number, got 1.5"),
        ("  replicas: yes", f"a.yaml:7: {WEB}: spec.replicas: must be a whole number, got yes"),
        (
            "  replica: 1",
            f"a.yaml:7: {WEB}: spec.replica: unknown field; did you mean replicas?",
        ),
        (
            "  retry_interval: 1m",
            f"a.yaml:7: {WEB}: spec.retry_interval: unknown field; did you mean retryInterval?",
        ),
        ("  xyzzy: 1", f"a.yaml:7: {WEB}: spec.xyzzy: unknown field"),
        (
            "  # a comment\n  health:\n    url: http://x\n\n    expected_status: 200",
            (
                f"a.yaml:11: {WEB}: spec.health.expected_status: unknown field; "
                "did you mean expectedStatus?"
            ),
        ),
        ("  health: {}", f"a.yaml:7: {WEB}: spec.health.url: is required"),
        (
            "  health: [http://x]",
            f"a.yaml:7: {WEB}: spec.health: must be a mapping (key: value), got a list",
        ),
        (
            "  env:\n    PORT: 8080",
            f'a.yaml:8: {WEB}: spec.env.PORT: must be text, got 8080: write "8080" in quotes',
        ),
        (
            "  env:\n    DEBUG: yes",
            (
                f"a.yaml:8: {WEB}: spec.env.DEBUG: must be text, got yes, which YAML reads as true: "
                'write "yes" in quotes'
            ),
        ),
        (
            "  env:\n    DEBUG: true",
            f'a.yaml:8: {WEB}: spec.env.DEBUG: must be text, got true: write "true" in quotes',
        ),
        (
            "  env:\n    MODE: 0644",
            f'a.yaml:8: {WEB}: spec.env.MODE: must be text, got 0644: write "0644" in quotes',
        ),
        (
            "  env:\n    EMPTY:",
            (
                f"a.yaml:8: {WEB}: spec.env.EMPTY: must be text, got nothing: "
                "give it a value or remove the field"
            ),
        ),
        (
            "  env:",
            (
                f"a.yaml:7: {WEB}: spec.env: must be a mapping (key: value), got nothing: "
                "give it a value or remove the field"
            ),
        ),
        (
            "  env: {A: [1]}",
            f"a.yaml:7: {WEB}: spec.env.A: must be text, got a list",
        ),
        (
            "  env:\n    on: x",
            f'a.yaml:8: {WEB}: spec.env: the key on is no text in YAML: write "on" in quotes',
        ),
        (
            "  env:\n    A: x\n    B: y\n    A: z",
            f"a.yaml:10: {WEB}: spec.env.A: is given twice: line 8 has it already",
        ),
        (
            "  env:\n    API_TOKEN: 123456",
            f"a.yaml:8: {WEB}: spec.env.API_TOKEN: must be text (its value is not shown)",
        ),
        (
            "  interval: 30",
            (
                f"a.yaml:7: {WEB}: spec.interval: '30' is not a duration: "
                "write it like 30s, 5m or 1h30m"
            ),
        ),
        (
            "  memory: lots",
            (
                f"a.yaml:7: {WEB}: spec.memory: 'lots' is not an amount of memory: "
                "write it like 256Mi or 1G"
            ),
        ),
        (
            "  mode: enforce",
            (
                f"a.yaml:7: {WEB}: spec.mode: must be one of Enforce, Warn, Off, got 'enforce'; "
                "did you mean Enforce?"
            ),
        ),
        (
            "  order: start_first",
            (
                f"a.yaml:7: {WEB}: spec.order: must be one of start-first, stop-first, "
                "got 'start_first'; did you mean start-first?"
            ),
        ),
        ("  ports: [80, x]", f"a.yaml:7: {WEB}: spec.ports.1: must be a whole number, got 'x'"),
        (
            "  ports:\n    - 1\n    - 2\n    - 3\n    - 4",
            f"a.yaml:7: {WEB}: spec.ports: must have at most 3 items, got 4",
        ),
        ("  ports: 80", f"a.yaml:7: {WEB}: spec.ports: must be a list, got 80"),
        (
            "  limits: {maxActions: 0}",
            f"a.yaml:7: {WEB}: spec.limits.maxActions: must be at least 1, got 0",
        ),
        (
            "  image: app:2",
            f"a.yaml:7: {WEB}: spec.image: is given twice: line 6 has it already",
        ),
        (
            "  replicas: !!python/object:os.system x",
            (
                f"a.yaml:7: {WEB}: spec.replicas: the tag tag:yaml.org,2002:python/object:os.system "
                "is not supported: write plain text"
            ),
        ),
        (
            "  replicas: 99999999999999999999",
            (
                f"a.yaml:7: {WEB}: spec.replicas: is too large for a number: "
                "if it is text, write it in quotes"
            ),
        ),
        (
            "  dependsOn:\n    - kind: CronJb\n      name: x",
            f"a.yaml:8: {WEB}: spec.dependsOn.0.kind: unknown kind 'CronJb'; did you mean CronJob?",
        ),
        (
            "  dependsOn:\n    - kind: CronJob\n      name: absent",
            f"a.yaml:9: {WEB}: spec.dependsOn.0.name: no CronJob/absent is declared here",
        ),
        (
            "  dependsOn:\n    - kind: SwarmService\n      name: web",
            f"a.yaml:7: {WEB}: spec.dependsOn: depends on itself: {WEB} -> {WEB}",
        ),
        (
            "  dependsOn:\n    - kind: CronJob\n      nmae: x",
            [
                f"a.yaml:8: {WEB}: spec.dependsOn.0.name: is required",
                f"a.yaml:9: {WEB}: spec.dependsOn.0.nmae: unknown field; did you mean name?",
            ],
        ),
        (
            "  env: &env {A: *env}",
            "a.yaml:7: spec.env.A: contains itself through the alias of line 7",
        ),
        (
            "  ports: !!set {1, 2}",
            [
                f'a.yaml:7: {WEB}: spec.ports: the key 1 is no text in YAML: write "1" in quotes',
                f'a.yaml:7: {WEB}: spec.ports: the key 2 is no text in YAML: write "2" in quotes',
                f"a.yaml:7: {WEB}: spec.ports: the tag tag:yaml.org,2002:set is not supported",
            ],
        ),
        (
            "  env: {<<: x}",
            f"a.yaml:7: {WEB}: spec.env: '<<' merges mappings only: give it an alias of a mapping",
        ),
        ("  replicas: !!int x", f"a.yaml:7: {WEB}: spec.replicas: is not of the type int"),
        ("  replicas: 1.5.", f"a.yaml:7: {WEB}: spec.replicas: must be a whole number, got '1.5.'"),
        (
            "status: {}",
            f"a.yaml:7: {WEB}: status: is written by the operator and never declared: remove it",
        ),
        ("specs: {}", f"a.yaml:7: {WEB}: specs: unknown field; did you mean spec?"),
    ],
)
def test_a_wrong_field_is_told_in_plain_words(
    tmp_path: Path, added: str, expected: str | list[str]
) -> None:
    write(tmp_path, {"a.yaml": f"{HEAD}{added}\n"})

    snapshot = load(tmp_path)

    wanted = [expected] if isinstance(expected, str) else expected
    assert [str(problem) for problem in snapshot.problems] == wanted
    assert not snapshot.objects


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "apiVersion: swarmkeeper.dev/v1\nkind: CronJob\nmetadata: {name: a}",
            "a.yaml:1: CronJob/a: apiVersion: must be swarmkeeper.dev/v1alpha1, got 'swarmkeeper.dev/v1'",
        ),
        (
            "kind: CronJob\nmetadata: {name: a}",
            "a.yaml:1: CronJob/a: apiVersion: is required: swarmkeeper.dev/v1alpha1",
        ),
        (
            "apiVersion: swarmkeper.dev/v1alpha1\nkind: CronJob\nmetadata: {name: a}",
            (
                "a.yaml:1: CronJob/a: apiVersion: must be swarmkeeper.dev/v1alpha1, "
                "got 'swarmkeper.dev/v1alpha1'"
            ),
        ),
        (
            "apiVersion: swarmkeeper.dev/v1alpha1\nmetadata: {name: a}",
            "a.yaml:1: kind: is required",
        ),
        (
            "apiVersion: swarmkeeper.dev/v1alpha1\n\nkind: Cronjobs\nmetadata: {name: a}",
            "a.yaml:3: Cronjobs/a: kind: unknown kind 'Cronjobs'; did you mean CronJob?",
        ),
        (
            "apiVersion: swarmkeeper.dev/v1alpha1\nkind: [a]\nmetadata: {name: a}",
            "a.yaml:2: kind: must be the name of a kind",
        ),
        (
            "apiVersion: swarmkeeper.dev/v1alpha1\nkind: RunbookRun\nmetadata: {name: a}",
            (
                "a.yaml:2: RunbookRun/a: kind: RunbookRun cannot be declared in a source: "
                "create it through the API"
            ),
        ),
        (
            "apiVersion: swarmkeeper.dev/v1alpha1\nkind: CronJob",
            "a.yaml:1: metadata.name: is required",
        ),
        (
            "apiVersion: swarmkeeper.dev/v1alpha1\nkind: CronJob\nmetadata: {nam: a}",
            [
                "a.yaml:3: metadata.nam: unknown field; did you mean name?",
                "a.yaml:3: metadata.name: is required",
            ],
        ),
        (
            "apiVersion: swarmkeeper.dev/v1alpha1\nkind: CronJob\nmetadata:\n  name: My_App",
            (
                "a.yaml:4: CronJob/My_App: metadata.name: must be lower case letters, digits and '-' "
                "inside (RFC 1123), got 'My_App'; did you mean my-app?"
            ),
        ),
        (
            f"apiVersion: swarmkeeper.dev/v1alpha1\nkind: CronJob\nmetadata:\n  name: {'a' * 64}",
            f"a.yaml:4: CronJob/{'a' * 63}: metadata.name: must have at most 63 characters, got 64",
        ),
        (
            (
                "apiVersion: swarmkeeper.dev/v1alpha1\nkind: CronJob\nmetadata:\n  name: a\n"
                "  labels: {port: 80}"
            ),
            'a.yaml:5: CronJob/a: metadata.labels.port: must be text, got 80: write "80" in quotes',
        ),
        (
            (
                "apiVersion: swarmkeeper.dev/v1alpha1\nkind: CronJob\nmetadata:\n  name: a\n"
                "  labels:\n    tier: front end\n    'a b': c\n  annotations: {/x: 'any text, really'}"
            ),
            [
                (
                    "a.yaml:6: CronJob/a: metadata.labels.tier: must be letters, digits and '-', '_', '.' "
                    "inside, got 'front end'"
                ),
                (
                    "a.yaml:7: CronJob/a: metadata.labels.a b: must be a name such as tier or "
                    "example.org/tier, got 'a b'"
                ),
                (
                    "a.yaml:8: CronJob/a: metadata.annotations./x: must be a name such as tier or "
                    "example.org/tier, got '/x'"
                ),
            ],
        ),
        (
            "apiVersion: swarmkeeper.dev/v1alpha1\nkind: CronJob\nmetadata: {name: a}\nspec: []",
            "a.yaml:4: CronJob/a: spec: must be a mapping (key: value), got a list",
        ),
        (
            "apiVersion: swarmkeeper.dev/v1alpha1\nkind: CronJob\nmetadata: {name: a}\n---\n- text",
            "a.yaml:5: must be a mapping with apiVersion, kind, metadata and spec",
        ),
        (
            (
                "apiVersion: swarmkeeper.dev/v1alpha1\nkind: CronJob\nmetadata: {name: a}\n---\n"
                "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: b}"
            ),
            [
                "a.yaml:5: Deployment/b: kind: unknown kind 'Deployment'",
                "a.yaml:6: Deployment/b: apiVersion: must be swarmkeeper.dev/v1alpha1, got 'apps/v1'",
            ],
        ),
    ],
)
def test_a_wrong_envelope_is_told_in_plain_words(
    tmp_path: Path, text: str, expected: str | list[str]
) -> None:
    write(tmp_path, {"a.yaml": text})

    snapshot = load(tmp_path)

    wanted = [expected] if isinstance(expected, str) else expected
    assert [str(problem) for problem in snapshot.problems] == wanted


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        ("  replicas: 'x", ("a.yaml:7: is not valid YAML: found unexpected end of stream; "
         "a quote that was opened here is never closed")),
        ("\treplicas: 1", ("a.yaml:7: is not valid YAML: found a tab character that violates indentation; "
         "YAML is indented by spaces, never by tabs")),
        ("  order: a: b", ("a.yaml:7: is not valid YAML: mapping values are not allowed in this context; "
         "text with ': ' in it needs quotes, or the indentation is wrong")),
        ("  order: @x", ("a.yaml:7: is not valid YAML: found character that cannot start any token; "
         "text that starts with @ needs quotes")),
        ("   replicas: 1", ("a.yaml:7: is not valid YAML: mapping values are not allowed in this context; "
         "text with ': ' in it needs quotes, or the indentation is wrong")),
        (" replicas: 1", ("a.yaml:7: is not valid YAML: did not find expected key; "
         "the indentation differs from the lines above, or a quote closed early")),
        ("  replicas: *x", ("a.yaml:7: is not valid YAML: found undefined alias; "
         "an alias needs its anchor (&name) above it, in the same document")),
        ("  order: \x07", "a.yaml:7: is not valid YAML: holds a control character"),
        ("  ports: " + "[" * 5000, "a.yaml:7: is nested more than 100 levels deep"),
    ],
    ids=["quote", "tab", "colon", "at", "indent", "dedent", "alias", "control", "nesting"],
)  # fmt: skip
def test_broken_yaml_is_told_with_its_line_and_a_hint(
    tmp_path: Path, added: str, expected: str
) -> None:
    write(tmp_path, {"a.yaml": f"{HEAD}{added}\n"})

    snapshot = load(tmp_path)

    assert [str(problem) for problem in snapshot.problems] == [expected]
    assert not snapshot.complete
