namespace Chasqui.Server;

/// <summary>The folder that state is kept in.</summary>
internal static class DataFolder
{
    /// <summary>The file that sessions are kept in.</summary>
    public const string Sessions = "sessions.db";

    /// <summary>Where models are put that the gateway shall find by itself.</summary>
    public static string ModelsOf(string folder) => Path.Combine(folder, "models");

    /// <summary>Where the models are that were pulled and made here.</summary>
    public static string StoreOf(string folder) => Path.Combine(folder, "store");

    /// <summary>Looks whether <see cref="Prepare"/> would do, and makes nothing.</summary>
    /// <exception cref="DataFolderException">It would not.</exception>
    public static void Check(string folder) => Try(folder, () => Probe(Existing(folder)));

    /// <summary>Makes the folder and its folder for models, and proves that it can be written to.</summary>
    /// <exception cref="DataFolderException">It cannot.</exception>
    public static void Prepare(string folder)
    {
        Try(folder, () =>
        {
            _ = Existing(folder);
            if (OperatingSystem.IsWindows())
                Directory.CreateDirectory(folder);
            else
                Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            Probe(folder);
            Directory.CreateDirectory(ModelsOf(folder));
        });
    }

    /// <summary>The part of the path that is there already, in which the rest is made.</summary>
    private static string Existing(string folder)
    {
        var there = folder;
        while (!Path.Exists(there) && Path.GetDirectoryName(there) is { Length: > 0 } above)
            there = above;
        return File.Exists(there) ? throw new IOException($"{there} is a file") : there;
    }

    private static void Probe(string folder)
    {
        using var probe = new FileStream(
            Path.Combine(folder, $".probe-{Environment.ProcessId}-{Guid.NewGuid():N}"), FileMode.CreateNew, FileAccess.Write,
                FileShare.None, 1, FileOptions.DeleteOnClose);
    }

    private static void Try(string folder, Action action)
    {
        try
        {
            action();
        }
        catch (UnauthorizedAccessException e)
        {
            throw new DataFolderException(folder, "no permission to write there", e);
        }
        catch (IOException e)
        {
            throw new DataFolderException(folder, FileProblem.Of(e), e);
        }
    }
}
