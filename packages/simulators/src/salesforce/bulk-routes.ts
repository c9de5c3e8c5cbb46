import type { RestRoute } from "./rest-call.ts";
export const bulkRoutes: readonly RestRoute[] = [];
