/** Service document and $metadata, made from what the service offers. Only names are SAP's; the files are ours. */
import { xmlText } from "../../xml/write-xml.ts";
import type { EntitySet, Property, Service } from "./entity-set.ts";

export function writeMetadata(service: Service): string {
  const types = service.sets.map(writeType).join("");
  const sets = service.sets
    .map((set) => {
      const writable = set.write === undefined ? ' sap:creatable="false" sap:updatable="false"' : "";
      return `<EntitySet Name="${set.name}" EntityType="${service.name}.${set.typeName}"${writable} sap:deletable="false"/>`;
    })
    .join("");
  return `<?xml version="1.0" encoding="utf-8"?><edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata" xmlns:sap="http://www.sap.com/Protocols/SAPData"><edmx:DataServices m:DataServiceVersion="2.0"><Schema Namespace="${service.name}" xml:lang="en" sap:schema-version="1" xmlns="http://schemas.microsoft.com/ado/2008/09/edm">${types}<EntityContainer Name="${service.name}_Entities" m:IsDefaultEntityContainer="true">${sets}</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>`;
}

function writeType(set: EntitySet): string {
  const keys = set.keys.map((name) => `<PropertyRef Name="${name}"/>`).join("");
  const properties = Object.entries(set.properties)
    .map(([name, property]) => writeProperty(name, property, set.keys.includes(name)))
    .join("");
  return `<EntityType Name="${set.typeName}" sap:content-version="1"><Key>${keys}</Key>${properties}</EntityType>`;
}

function writeProperty(name: string, { type, maxLength, scale }: Property, isKey: boolean): string {
  const facets =
    (maxLength === undefined ? "" : ` MaxLength="${maxLength}"`) +
    (type === "Edm.Decimal" ? ` Precision="24" Scale="${scale ?? 3}"` : "") +
    (type === "Edm.DateTime" ? ' Precision="0"' : "");
  return `<Property Name="${name}" Type="${type}"${isKey ? ' Nullable="false"' : ""}${facets}/>`;
}

export function writeServiceDocument(service: Service, root: string, json: boolean): string {
  const names = service.sets.map(({ name }) => name);
  if (json) return JSON.stringify({ d: { EntitySets: names } });
  const collections = names
    .map(
      (name) =>
        `<app:collection href="${name}"><atom:title type="text">${name}</atom:title></app:collection>`,
    )
    .join("");
  return `<?xml version="1.0" encoding="utf-8"?><app:service xml:lang="en" xml:base="${xmlText(root)}/" xmlns:app="http://www.w3.org/2007/app" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"><app:workspace><atom:title type="text">Data</atom:title>${collections}</app:workspace></app:service>`;
}
