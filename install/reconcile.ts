/**
 * `whereabouts reconcile`, run from source: sweeps once. For a CronJob, a crontab or a systemd timer, if no controller runs.
 *
 * ```sh
 * deno run --allow-env --allow-net --allow-read install/reconcile.ts                      # the cluster of KUBECONFIG, else of this pod
 * deno run --allow-env --allow-net --allow-read install/reconcile.ts --kubeconfig FILE --dry-run
 * deno run --allow-env --allow-read --allow-write install/reconcile.ts --database FILE --pods FILE
 * deno run --allow-env --allow-net --allow-read --allow-sys install/reconcile.ts --etcd-host HOSTS --kubeconfig FILE
 * ```
 *
 * A kubeconfig with `exec` also needs `--allow-run`. `--help` lists flags and exit codes.
 *
 * @module
 */
import { command } from "../mod.ts";

if (import.meta.main) Deno.exit(await command("reconcile", Deno.args));
