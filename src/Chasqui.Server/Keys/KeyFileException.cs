namespace Chasqui.Server;

/// <summary>The file of keys is damaged or cannot be used. It never stands for "no keys".</summary>
public sealed class KeyFileException(string message, Exception? inner = null) : GatewayStartException(message, inner);
