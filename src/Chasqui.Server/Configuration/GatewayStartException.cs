namespace Chasqui.Server;

/// <summary>The gateway cannot start. The message is one line for whoever started it.</summary>
public abstract class GatewayStartException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>A key or value of the configuration is wrong; the message names it.</summary>
public sealed class ConfigurationException(string message, Exception? inner = null) : GatewayStartException(message, inner);

/// <summary>An address cannot be listened on.</summary>
public sealed class EndpointUnavailableException(string message, Exception? inner = null) : GatewayStartException(message, inner);

/// <summary>Another gateway uses the data folder.</summary>
public sealed class DataFolderInUseException(string folder, GatewayProcess? by, Exception? inner = null) : GatewayStartException(
    $"a Chasqui is running already with the data folder {folder} ({by?.ToString() ?? "it is starting"}); stop it first, or choose other folder and ports with --data DIR, --http ADDR:PORT and --mcp ADDR:PORT", inner);

/// <summary>The data folder cannot be made or written to.</summary>
public sealed class DataFolderException(string folder, string reason, Exception? inner = null)
    : GatewayStartException($"the data folder {folder} cannot be used: {reason}; choose another with --data DIR or Data:Folder", inner)
{
    /// <summary>The folder.</summary>
    public string Folder { get; } = folder;
}
