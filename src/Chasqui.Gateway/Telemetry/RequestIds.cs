using System.Buffers;

namespace Chasqui.Gateway.Telemetry;

/// <summary>Ids of requests. Thread-safe.</summary>
public static class RequestIds
{
    /// <summary>Characters that an id may have.</summary>
    public const int MaxLength = 128;

    private static readonly SearchValues<char> _visible = SearchValues.Create([.. Enumerable.Range(0x21, 0x7E - 0x20).Select(c => (char)c)]);
    private static ulong _last = unchecked((ulong)Random.Shared.NextInt64(long.MinValue, long.MaxValue));

    /// <summary>Whether a caller's id is taken: 1 to 128 characters of visible ASCII.</summary>
    public static bool IsSane(string? id) => id is { Length: > 0 and <= MaxLength } && !id.AsSpan().ContainsAnyExcept(_visible);

    /// <summary>The caller's id where it is taken, else a new one.</summary>
    public static string Of(string? id) => IsSane(id) ? id! : Make();

    /// <summary>A new id: 16 hexadecimal digits, never the same twice in a process and as good as never in two.</summary>
    public static string Make()
    {
        // An odd step visits every number once before it comes back to the first.
        var number = Interlocked.Add(ref _last, 0x9E3779B97F4A7C15);
        return string.Create(16, number, static (text, number) => number.TryFormat(text, out _, "x16"));
    }
}
