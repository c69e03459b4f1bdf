namespace Chasqui.Engines.Models;

/// <summary>Lists folders that may be missing, closed or vanish meanwhile.</summary>
internal static class FolderListing
{
    /// <summary>Most entries of one folder that are looked at.</summary>
    public const int Most = 10_000;

    /// <summary>The files of a folder, ordered by name.</summary>
    public static IReadOnlyList<string> Files(string folder, Action<string, Exception> failed) =>
        List(folder, Directory.EnumerateFiles, failed);

    /// <summary>The folders of a folder, ordered by name.</summary>
    public static IReadOnlyList<string> Folders(string folder, Action<string, Exception> failed) =>
        List(folder, Directory.EnumerateDirectories, failed);

    private static List<string> List(
        string folder, Func<string, string, EnumerationOptions, IEnumerable<string>> list, Action<string, Exception> failed)
    {
        try
        {
            var options = new EnumerationOptions { IgnoreInaccessible = false, AttributesToSkip = FileAttributes.None };
            var found = list(folder, "*", options).Take(Most + 1).Order(StringComparer.Ordinal).ToList();
            if (found.Count > Most)
            {
                failed(folder, new IOException($"it has more than {Most} entries, and only {Most} of them are looked at"));
                found.RemoveAt(Most);
            }
            return found;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            failed(folder, e);
            return [];
        }
    }
}
