namespace Chasqui.Server;

/// <summary>Compares the values of <c>Content-Type</c> by the type that they name, whatever its case and its parameters.</summary>
internal static class MediaTypes
{
    /// <param name="contentType">The header's value; null for none.</param>
    /// <param name="type">A type without parameters.</param>
    public static bool Is(string? contentType, string type)
    {
        var given = contentType.AsSpan();
        var end = given.IndexOf(';');
        return (end < 0 ? given : given[..end]).Trim().Equals(type, StringComparison.OrdinalIgnoreCase);
    }
}
