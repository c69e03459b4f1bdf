namespace Chasqui.OllamaDouble;

/// <summary>An answer that is an error; each API gives it its own form.</summary>
internal sealed class ApiException(int status, string message) : Exception(message)
{
    public int Status { get; } = status;
}
