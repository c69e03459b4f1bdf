using System.Text.Json;

namespace Chasqui.Protocol.Tests;

/// <summary>Data files beside the tests.</summary>
internal static class Repository
{
    internal static string Root { get; } = FindRoot();

    /// <summary>A file of golden vectors.</summary>
    internal static JsonElement Vectors(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(Root, "docs", "protocol", file)));
        return document.RootElement.Clone();
    }

    /// <summary>A folder of the shared data, from <c>CHASQUI_SHARED_DATA</c> or from <c>shared/data</c> beside the checkout; null where there is none.</summary>
    internal static string? SharedData(string folder)
    {
        var data = Environment.GetEnvironmentVariable("CHASQUI_SHARED_DATA") ?? Path.Combine(Root, "..", "shared", "data");
        var path = Path.Combine(data, folder);
        return Directory.Exists(path) ? path : null;
    }

    internal static ErrorCode Code(string name) => Enum.Parse<ErrorCode>(name.Replace("_", "", StringComparison.Ordinal), ignoreCase: true);

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Chasqui.slnx")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("Chasqui.slnx is in no folder above the tests");
        return folder;
    }
}
