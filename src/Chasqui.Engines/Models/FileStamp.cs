namespace Chasqui.Engines.Models;

/// <summary>What tells one state of a file from another: its path, length and time of change. A link stands for what it points at.</summary>
internal readonly record struct FileStamp(string Path, long Length, DateTime ModifiedUtc)
{
    /// <summary>The stamp of a file.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    public static FileStamp Of(string path)
    {
        var file = new FileInfo(path);
        if (file.LinkTarget is not null)
            file = file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;
        return file.Exists
            ? new FileStamp(path, file.Length, file.LastWriteTimeUtc)
            : throw new FileNotFoundException("the file does not exist", path);
    }

    /// <summary>The stamp of a file, or of a state in which it is not there or cannot be looked at.</summary>
    public static FileStamp OfOrMissing(string path)
    {
        try
        {
            return Of(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new FileStamp(path, -1, default);
        }
    }
}
