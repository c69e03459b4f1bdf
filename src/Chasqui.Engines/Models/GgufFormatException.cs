namespace Chasqui.Engines.Models;

/// <summary>
/// A file is not a GGUF file that can be used. The message says what is wrong, as the end of a sentence that began with the
/// model's or the file's name, e.g. <c>the file ends inside the tensor "output.weight"</c>.
/// </summary>
public sealed class GgufFormatException(string message) : Exception(message);
