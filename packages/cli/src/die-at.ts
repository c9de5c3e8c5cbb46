/**
 * For drills only: `ENTENTE_DIE_AT=consumer:before-commit:3` ends this process without warning the third time it
 * passes that point, as a crash would. Points: intake:before-commit, intake:after-commit, consumer:read,
 * consumer:before-commit, consumer:after-commit, consumer:before-resume-commit.
 */
export function dieAt(order: string | undefined): ((point: string) => void) | undefined {
  const match = /^([a-z-]+:[a-z-]+):(\d+)$/.exec(order ?? "");
  const [, where, times] = match ?? [];
  if (where === undefined || times === undefined) return undefined;
  let left = Number(times);
  return (point) => {
    if (point === where && --left === 0) process.kill(process.pid, "SIGKILL");
  };
}
