/** The little of a browser that the `cometd` client asks for: XMLHttpRequest for long polling, over the platform's fetch. */
class XmlHttpRequest {
  static readonly UNSENT = 0;
  readyState = 0;
  status = 0;
  statusText = "";
  responseText = "";
  onload: (() => void) | null = null;
  onerror: (() => void) | null = null;
  onabort: (() => void) | null = null;
  private readonly headers: Record<string, string> = {};
  private readonly controller = new AbortController();
  private method = "";
  private url = "";

  open(method: string, url: string): void {
    this.method = method;
    this.url = url;
    this.readyState = 1;
  }

  setRequestHeader(name: string, value: string): void {
    this.headers[name] = value;
  }

  send(body: string): void {
    const { method, headers } = this;
    fetch(this.url, { method, headers, body, signal: this.controller.signal })
      .then(async (response) => {
        this.status = response.status;
        this.statusText = response.statusText;
        this.responseText = await response.text();
        this.readyState = 4;
        this.onload?.();
      })
      .catch(() => (this.controller.signal.aborted ? this.onabort : this.onerror)?.());
  }

  abort(): void {
    this.controller.abort();
  }
}

/** Puts it in place for this process: for a test file that loads nothing that would take it for a browser. */
export function openBrowserWindow(): void {
  Object.assign(globalThis, { window: { XMLHttpRequest: XmlHttpRequest, setTimeout, clearTimeout } });
}
