namespace Chasqui.Server;

/// <summary>A field asks for what cannot be done here, and Anthropic's clients know how to go on without it when they are told so by a code.</summary>
/// <param name="name">The field's name.</param>
/// <param name="code">What Anthropic's clients are told.</param>
/// <param name="message">What people are told.</param>
internal sealed class UnsupportedFieldException(string name, string code, string message) : InvalidRequestException(message)
{
    public string Name => name;

    public string Code => code;
}
