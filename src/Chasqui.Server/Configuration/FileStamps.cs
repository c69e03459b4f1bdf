namespace Chasqui.Server;

/// <summary>By what it is seen that a file was changed.</summary>
internal static class FileStamps
{
    /// <summary>When it was changed last, and its length; the default where it is not there, or cannot be seen.</summary>
    public static (DateTime Changed, long Length) Of(string path)
    {
        try
        {
            var info = new FileInfo(path);
            // Where the name is a link, as in a Kubernetes volume, what it leads to is what changes.
            info = info.LinkTarget is null ? info : info.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? info;
            return info.Exists ? (info.LastWriteTimeUtc, info.Length) : default;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return default;
        }
    }
}
