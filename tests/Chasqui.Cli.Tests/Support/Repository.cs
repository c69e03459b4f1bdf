namespace Chasqui.Cli.Tests;

/// <summary>Where things are outside the tests.</summary>
internal static class Repository
{
    /// <summary>The folder with <c>Chasqui.slnx</c>.</summary>
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "Chasqui.slnx")))
                return folder;
        }
        throw new InvalidOperationException("Chasqui.slnx is in no folder above the tests");
    }
}
