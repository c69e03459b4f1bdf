namespace Chasqui.Engines.Models.Managed;

/// <summary>How much may be put into the store. Thread-safe.</summary>
/// <param name="folder">Of the store.</param>
/// <param name="most">Bytes of one model, and of one blob that is uploaded.</param>
internal sealed class StoreSpace(string folder, long most)
{
    /// <summary>Bytes that are looked for on the disk anew after so many were written.</summary>
    public const long LookEvery = 64L << 20;

    /// <summary>Refuses what is too large, before anything of it is taken.</summary>
    /// <exception cref="InvalidRequestException">It is larger than a model may be.</exception>
    public void RequireSize(long bytes, string what)
    {
        if (bytes > most)
            throw new InvalidRequestException(FormattableString.Invariant($"{what} has {bytes} bytes, but at most {most} are allowed (Models:MaxBytes)"));
    }

    /// <summary>Refuses before the first byte what cannot end well.</summary>
    /// <exception cref="EngineFailedException">The disk has not got the room.</exception>
    public void RequireRoom(long bytes)
    {
        if (Free() is { } free && bytes > free)
            throw new EngineFailedException(FormattableString.Invariant($"no space left on the disk of the model store: {bytes} bytes are to be kept, and {free} are free"));
    }

    /// <summary>Null where it cannot be told.</summary>
    private long? Free()
    {
        // The folder is made with the first change; until then the one above it tells.
        var existing = Path.GetFullPath(folder);
        while (!Directory.Exists(existing) && Path.GetDirectoryName(existing) is { Length: > 0 } above)
            existing = above;
        try
        {
            return new DriveInfo(existing).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }
}
