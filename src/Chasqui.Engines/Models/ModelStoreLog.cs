using Microsoft.Extensions.Logging;

namespace Chasqui.Engines.Models;

/// <summary>What the store tells its operator, each thing once. Thread-safe.</summary>
internal sealed partial class ModelStoreLog(ILogger logger)
{
    // Beyond this the memory of what was said is dropped, so that a folder that changes for months does not fill it.
    private const int MaxSaid = 4096;

    private readonly Lock _lock = new();
    private readonly HashSet<(string What, string Why)> _said = [];

    public void LeftOut(string model, string reason)
    {
        if (IsNew(model, reason))
            LogLeftOut(logger, model, reason);
    }

    public void Shadowed(string model, string path)
    {
        if (IsNew(model, path))
            LogShadowed(logger, model, path);
    }

    public void FolderFailed(string folder, Exception problem)
    {
        if (IsNew(folder, problem.Message))
            LogFolderFailed(logger, folder, problem.Message);
    }

    private bool IsNew(string what, string why)
    {
        lock (_lock)
        {
            if (_said.Count >= MaxSaid)
                _said.Clear();
            return _said.Add((what, why));
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Model {Model} is left out: {Reason}")]
    private static partial void LogLeftOut(ILogger logger, string model, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Model {Model} is already there, so {Path} is not used")]
    private static partial void LogShadowed(ILogger logger, string model, string path);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Model folder {Folder} is passed over: {Reason}")]
    private static partial void LogFolderFailed(ILogger logger, string folder, string reason);
}
