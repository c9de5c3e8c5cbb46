/** Circles in a graph of names. */

export type Graph = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * One circle for each group of nodes that reach each other, as the path from a node back to itself.
 * Shape: `["a", "b", "a"]`. Order: by the first name in the circle.
 */
export function cyclesIn(graph: Graph): readonly (readonly string[])[] {
  return groupsOf(graph)
    .filter((group) => group.size > 1 || [...group].some((node) => graph.get(node)?.has(node)))
    .map((group) => circleIn(graph, group))
    .sort((a, b) => ((a[0] as string) < (b[0] as string) ? -1 : 1));
}

/** Strongly connected groups (Tarjan), without recursion so that deep import chains cannot overflow the stack. */
function groupsOf(graph: Graph): Set<string>[] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const open: string[] = [];
  const isOpen = new Set<string>();
  const groups: Set<string>[] = [];
  for (const start of graph.keys()) {
    if (order.has(start)) continue;
    const path: { readonly node: string; readonly rest: Iterator<string> }[] = [];
    const enter = (node: string): void => {
      order.set(node, order.size);
      low.set(node, order.size - 1);
      open.push(node);
      isOpen.add(node);
      path.push({ node, rest: (graph.get(node) ?? new Set<string>()).values() });
    };
    enter(start);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const { node } = top;
      const { value: next, done } = top.rest.next();
      if (done !== true) {
        if (!order.has(next)) enter(next);
        else if (isOpen.has(next)) low.set(node, Math.min(numberOf(low, node), numberOf(order, next)));
        continue;
      }
      path.pop();
      const parent = path.at(-1)?.node;
      if (parent !== undefined) low.set(parent, Math.min(numberOf(low, parent), numberOf(low, node)));
      if (numberOf(low, node) !== numberOf(order, node)) continue;
      const group = new Set(open.splice(open.indexOf(node)));
      for (const member of group) isOpen.delete(member);
      groups.push(group);
    }
  }
  return groups;
}

function numberOf(numbers: ReadonlyMap<string, number>, node: string): number {
  return numbers.get(node) ?? 0;
}

/** The shortest way from the group's first name back to it. */
function circleIn(graph: Graph, group: ReadonlySet<string>): string[] {
  const start = [...group].sort()[0] as string;
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (let node = queue.shift(); node !== undefined; node = queue.shift()) {
    for (const next of graph.get(node) ?? []) {
      if (next === start) {
        const circle = [start];
        for (let at: string | undefined = node; at !== undefined; at = cameFrom.get(at)) circle.unshift(at);
        return circle[0] === start ? circle : [start, ...circle];
      }
      if (!group.has(next) || cameFrom.has(next)) continue;
      cameFrom.set(next, node);
      queue.push(next);
    }
  }
  return [start];
}
