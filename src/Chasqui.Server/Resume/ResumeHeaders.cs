using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>What a client says of generations that it may come back to, and what it is told.</summary>
internal static class ResumeHeaders
{
    /// <summary>Asks that the generation runs on for a while when the connection is lost: <c>true</c>.</summary>
    public const string Resume = "X-Chasqui-Resume";

    /// <summary>The generation's id, by which it can be asked for.</summary>
    public const string Generation = "X-Chasqui-Generation";

    /// <summary>Where in the body the answer begins that is resumed, in bytes.</summary>
    public const string Offset = "X-Chasqui-Offset";

    private const string Bytes = "bytes=";

    /// <exception cref="InvalidRequestException">The header says something else than true or false.</exception>
    public static bool Wants(HttpRequest request) => request.Headers.TryGetValue(Resume, out var value)
        && (ConfigurationValues.Switch(value.ToString()) ?? throw new InvalidRequestException($"header {Resume} is \"{RequestEntry.Printable(value.ToString())}\", but must be true or false"));

    /// <summary>The offset that is asked for: <c>?offset=N</c> or <c>Range: bytes=N-</c>; 0 for none.</summary>
    /// <exception cref="InvalidRequestException">It is none.</exception>
    public static long OffsetOf(HttpRequest request)
    {
        var range = request.Headers.Range.ToString();
        if (range.Length == 0)
            return SessionRequests.Number(request, "offset", 0, 0, long.MaxValue);
        return range.StartsWith(Bytes, StringComparison.OrdinalIgnoreCase) && range.EndsWith('-')
            && long.TryParse(range.AsSpan(Bytes.Length, Math.Max(0, range.Length - Bytes.Length - 1)), NumberStyles.None, CultureInfo.InvariantCulture, out var offset)
            ? offset
            : throw new InvalidRequestException($"header Range is \"{RequestEntry.Printable(range)}\", but must be the beginning of what is missing, such as bytes=4711-");
    }
}
