namespace Chasqui.Server.Tests;

/// <summary>Where things are outside the tests.</summary>
internal static class Repository
{
    /// <summary>The folder with <c>Chasqui.slnx</c>.</summary>
    public static string Root { get; } = Ancestors(AppContext.BaseDirectory).First(folder => File.Exists(Path.Combine(folder, "Chasqui.slnx")));

    /// <summary>The model that ships with Chasqui.</summary>
    public static string Mini { get; } = Path.Combine(Root, "models", "mini", "mini.gguf");

    /// <summary>How the program is started that these tests are built with.</summary>
    public static IReadOnlyList<string> Program { get; } =
    [
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? Environment.ProcessPath! : "dotnet",
        Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "Chasqui.Cli", Path.GetFileName(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar)), "chasqui.dll")),
    ];

    /// <summary>A folder of the shared data, from <c>CHASQUI_SHARED_DATA</c> or from <c>shared/data</c> beside the checkout; null where there is none.</summary>
    public static string? SharedData(string name)
    {
        var given = Environment.GetEnvironmentVariable("CHASQUI_SHARED_DATA");
        IEnumerable<string> places = string.IsNullOrEmpty(given) ? Ancestors(Root).Select(folder => Path.Combine(folder, "shared", "data")) : [given];
        return places.Select(place => Path.Combine(place, name)).FirstOrDefault(Directory.Exists);
    }

    private static IEnumerable<string> Ancestors(string folder)
    {
        for (var at = folder; at is not null; at = Path.GetDirectoryName(at))
            yield return at;
    }
}
