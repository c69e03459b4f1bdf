using System.Text.RegularExpressions;

namespace Chasqui;

/// <summary>Why a file could not be read or written, in words that go after its path; the runtime's own repeat the path, each in its own
/// way.</summary>
public static partial class FileProblem
{
    /// <summary>E.g. <c>it does not exist</c>; without a full stop at the end.</summary>
    /// <param name="e">From opening, reading or writing.</param>
    /// <param name="path">The file, so that a folder in its place is told; null where it is not known.</param>
    public static string Of(Exception e, string? path = null)
    {
        ArgumentNullException.ThrowIfNull(e);
        return e switch
        {
            FileNotFoundException => "it does not exist",
            DirectoryNotFoundException => "its folder does not exist",
            PathTooLongException => "its path is too long",
            UnauthorizedAccessException => Directory.Exists(path) ? "it is a folder" : "no permission",
            IOException => Words(e.Message),
            ArgumentException or NotSupportedException => "this is no path of a file",
            _ => e.Message.ReplaceLineEndings(" ").TrimEnd('.', ' '),
        };
    }

    /// <summary>The same after the path that the runtime names, for where nothing else knows it.</summary>
    /// <param name="e">From opening, reading or writing.</param>
    public static string WithPath(Exception e)
    {
        ArgumentNullException.ThrowIfNull(e);
        return Quoted().Match(e.Message) is { Success: true } path ? $"{path.Groups[1].Value}: {Of(e, path.Groups[1].Value)}" : Of(e);
    }

    private static string Words(string text) =>
        text.Contains("being used by another process", StringComparison.Ordinal) ? "another program uses it"
        : text.Contains("already exists", StringComparison.Ordinal) ? "there is something of that name already"
        // The system's own words, and the path after them.
        : Lower(PathAtEnd().Replace(text.ReplaceLineEndings(" "), "").TrimEnd('.', ' '));

    private static string Lower(string text) => text.Length > 1 && char.IsUpper(text[0]) && char.IsLower(text[1])
        ? char.ToLowerInvariant(text[0]) + text[1..] : text;

    [GeneratedRegex(@"\s*:\s*'[^']*'\.?\s*$")]
    private static partial Regex PathAtEnd();

    [GeneratedRegex("'(/[^']*)'")]
    private static partial Regex Quoted();
}
