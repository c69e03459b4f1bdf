namespace Chasqui.Server;

/// <summary>A field of a request that is not what it must be, or asks for what cannot be done.</summary>
/// <param name="parameter">The field's name, told as <c>param</c>; null where Ollama tells none.</param>
/// <param name="message">One sentence for the caller.</param>
internal sealed class InvalidParameterException(string? parameter, string message) : InvalidRequestException(message)
{
    public string? Parameter { get; } = parameter;
}
