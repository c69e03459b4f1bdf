using System.Buffers;
using System.Globalization;

namespace Chasqui.Server;

/// <summary>Names of responses and of their items: those of the items hold that of the response, so that an item is found by its name alone.</summary>
internal static class ResponseIds
{
    private const string Prefix = "resp_";
    private const int Length = 24;

    private static readonly SearchValues<char> _digits = SearchValues.Create("0123456789abcdef");

    /// <summary>A new response's.</summary>
    public static string New() => OpenAiJson.NewId(Prefix);

    /// <summary>The name of an item.</summary>
    /// <param name="prefix">Its kind, such as <c>msg_</c>.</param>
    /// <param name="response">The response.</param>
    /// <param name="index">Its number there.</param>
    public static string OfItem(string prefix, string response, int index) =>
        string.Create(CultureInfo.InvariantCulture, $"{prefix}{response.AsSpan(Prefix.Length)}{index:x4}");

    /// <summary>The response that an item is of; null where the name is none that was given here.</summary>
    public static string? ResponseOf(string item)
    {
        var start = item.IndexOf('_', StringComparison.Ordinal) + 1;
        return start > 0 && item.Length >= start + Length + 4 && !item.AsSpan(start).ContainsAnyExcept(_digits)
            ? string.Concat(Prefix, item.AsSpan(start, Length))
            : null;
    }
}
