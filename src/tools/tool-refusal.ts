/** Thrown by a tool to tell the model why it could not do what was asked. The message goes to the model and is stored: no secrets in it. */
export class ToolRefusal extends Error {
  override readonly name = 'ToolRefusal';
}
