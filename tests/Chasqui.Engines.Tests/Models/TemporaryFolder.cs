namespace Chasqui.Engines.Tests.Models;

/// <summary>A folder that is gone after the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly bool _owned;

    public TemporaryFolder()
    {
        Path = Directory.CreateTempSubdirectory("chasqui-models-").FullName;
        _owned = true;
    }

    /// <summary>A folder of somebody else, who removes it.</summary>
    public TemporaryFolder(string path) => Path = path;

    public string Path { get; }

    public string Make(string name) => Directory.CreateDirectory(System.IO.Path.Combine(Path, name)).FullName;

    public string Write(string name, byte[] bytes)
    {
        var path = System.IO.Path.Combine(Path, name);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    public void Dispose()
    {
        if (_owned)
            Directory.Delete(Path, recursive: true);
    }
}
