import type { FastifyRequest } from "fastify";
import type { SimulatorClock } from "./simulator-clock.ts";

/** Connections that get their answer late or never. */
export interface Connections {
  /** Keeps the connection open without an answer, then closes it: after `ms`, or null: when released. Resolves then. */
  hold(request: FastifyRequest, ms: number | null): Promise<void>;
  /** Lets a request wait. False: it was released meanwhile, its connection is closed, and it must go no further. */
  pause(request: FastifyRequest, ms: number): Promise<boolean>;
  /** Resets the connection at once, so that the caller sees an error and not an end. */
  reset(request: FastifyRequest): void;
  /** Closes every connection that is held or paused. */
  releaseAll(): void;
}

export function openConnections(clock: SimulatorClock): Connections {
  const waiting = new Set<() => void>();

  /** Ends when due (true), when released, or, if it should, when the caller hangs up (both false). */
  function wait(request: FastifyRequest, ms: number | null, endsWithCaller: boolean): Promise<boolean> {
    const { socket } = request.raw;
    return new Promise((resolve) => {
      const end = (due: boolean) => {
        forget?.();
        waiting.delete(release);
        socket.off("close", gone);
        resolve(due);
      };
      const gone = () => end(false);
      const release = () => {
        socket.destroy();
        end(false);
      };
      const forget = ms === null ? null : clock.at(clock.now() + ms, () => end(true));
      waiting.add(release);
      if (endsWithCaller) socket.once("close", gone);
    });
  }

  return {
    async hold(request, ms) {
      if (await wait(request, ms, true)) request.raw.socket.destroy();
    },
    // A caller that hung up stops nothing: a slow system finishes what it began.
    pause: (request, ms) => wait(request, ms, false),
    reset(request) {
      request.raw.socket.resetAndDestroy();
    },
    releaseAll() {
      for (const release of [...waiting]) release();
    },
  };
}
