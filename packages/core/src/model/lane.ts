/** Lanes per journal. Fixed when a journal is created; changing it re-orders keys, so it is not configuration. */
export const laneCount = 8;

/**
 * The lane of an ordering key: FNV-1a over UTF-16 code units of `tenant NUL key`, modulo laneCount.
 * Stable for ever: consumers in different processes and releases must agree.
 */
export function laneOf(tenantId: string, key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < tenantId.length; i++) hash = Math.imul(hash ^ tenantId.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash, 0x01000193);
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 15;
  return (hash >>> 0) % laneCount;
}
