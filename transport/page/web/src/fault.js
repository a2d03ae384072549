// A Fault is a failure the recipient is told about. Its code names the plain
// sentence in i18n/*.js; its message is for developers and is never shown.
export class Fault extends Error {
  constructor(code, message = code) {
    super(message);
    this.name = "Fault";
    this.code = code;
  }
}
