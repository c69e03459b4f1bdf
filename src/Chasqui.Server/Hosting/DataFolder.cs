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

    /// <summary>Makes the folder and its folder for models, and proves that it can be written to.</summary>
    /// <exception cref="DataFolderException">It cannot.</exception>
    public static void Prepare(string folder)
    {
        try
        {
            if (OperatingSystem.IsWindows())
                Directory.CreateDirectory(folder);
            else
                Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            using var probe = new FileStream(
                Path.Combine(folder, $".probe-{Environment.ProcessId}-{Guid.NewGuid():N}"), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
            Directory.CreateDirectory(ModelsOf(folder));
        }
        catch (UnauthorizedAccessException e)
        {
            throw new DataFolderException(folder, "no permission to write there", e);
        }
        catch (IOException e)
        {
            throw new DataFolderException(folder, e.Message.TrimEnd('.'), e);
        }
    }
}
