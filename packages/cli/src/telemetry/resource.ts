import {
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
} from "@opentelemetry/resources";

/** Who speaks: the name of the service, and what OTEL_RESOURCE_ATTRIBUTES adds. */
export function resourceOf(serviceName: string): Resource {
  const own = resourceFromAttributes({ "service.name": serviceName, "telemetry.sdk.language": "nodejs" });
  return detectResources({ detectors: [envDetector] }).merge(own);
}
