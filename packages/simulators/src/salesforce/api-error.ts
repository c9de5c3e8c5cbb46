/** What Salesforce answers when it refuses a request or one record of it. */
export interface ErrorFacts {
  readonly errorCode: string;
  readonly message: string;
  /** API names of the fields at fault. */
  readonly fields?: readonly string[];
}

/** Thrown anywhere below a route; the route, the collection or the composite gives it its shape. */
export class ApiError extends Error {
  readonly status: number;
  readonly errorCode: string;
  readonly fields: readonly string[];

  constructor(status: number, { errorCode, message, fields = [] }: ErrorFacts) {
    super(message);
    this.status = status;
    this.errorCode = errorCode;
    this.fields = fields;
  }
}

export function refuse(errorCode: string, message: string, fields: readonly string[] = []): ApiError {
  return new ApiError(400, { errorCode, message, fields });
}

export function notFound(message = "The requested resource does not exist"): ApiError {
  return new ApiError(404, { errorCode: "NOT_FOUND", message });
}

/** The body of a refused request: always an array. Only errors about fields list them. */
export function errorBody({ errorCode, message, fields }: ApiError): readonly object[] {
  return [{ message, errorCode, ...(fields.length > 0 ? { fields } : {}) }];
}

/** The error of one record in a collection: `statusCode` instead of `errorCode`, and always with its fields. */
export function recordError({ errorCode, message, fields }: ApiError): object {
  return { statusCode: errorCode, message, fields };
}
