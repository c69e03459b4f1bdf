using System.Text.Json;

namespace Chasqui.Server;

/// <summary>
/// A gateway's hold of its data folder: two in one folder would write over each other's models and sessions. The lock is the kernel's and ends with the process, however that ends;
/// beside it a file tells who holds it. Commands that only read, or change keys, need no hold.
/// </summary>
public sealed class GatewayLock : IDisposable
{
    private const string LockName = "gateway.lock";
    private const string InfoName = "gateway.json";
    private const long MaxInfo = 64 << 10;

    private readonly FileStream _held;
    private readonly string _info;

    private GatewayLock(FileStream held, string info)
    {
        _held = held;
        _info = info;
    }

    /// <summary>Takes the folder, which is made where it is missing.</summary>
    /// <exception cref="DataFolderInUseException">Another gateway has it.</exception>
    /// <exception cref="DataFolderException">The folder cannot be used.</exception>
    public static GatewayLock Take(string folder)
    {
        DataFolder.Prepare(folder);
        try
        {
            var held = Open(folder);
            var info = Path.Combine(folder, InfoName);
            File.Delete(info);
            return new GatewayLock(held, info);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new DataFolderException(folder, "no permission to write there", e);
        }
        catch (IOException e)
        {
            throw new DataFolderInUseException(folder, Read(folder), e);
        }
    }

    /// <summary>The gateway that uses a folder now; null for none.</summary>
    public static GatewayProcess? Find(string folder)
    {
        try
        {
            if (!File.Exists(Path.Combine(folder, LockName)))
                return null;
            using var free = Open(folder);
            return null;
        }
        catch (UnauthorizedAccessException)
        {
            // Another user's, who may or may not run one.
            return null;
        }
        catch (IOException)
        {
            return Read(folder) ?? new GatewayProcess(0, []);
        }
    }

    /// <summary>Tells others where this gateway listens.</summary>
    /// <param name="addresses">Of HTTP first, then of MCP.</param>
    public void Announce(IReadOnlyList<string> addresses)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        var temporary = _info + ".new";
        using (var file = File.Create(temporary))
        using (var json = new Utf8JsonWriter(file))
        {
            json.WriteStartObject();
            json.WriteNumber("pid", Environment.ProcessId);
            json.WriteStartArray("addresses");
            foreach (var address in addresses)
                json.WriteStringValue(address);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        File.Move(temporary, _info, overwrite: true);
    }

    /// <summary>Lets go of the folder.</summary>
    public void Dispose()
    {
        try
        {
            File.Delete(_info);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The folder may be gone. Who looks asks the lock first, so that what is left there misleads no one.
        }
        _held.Dispose();
    }

    private static FileStream Open(string folder)
    {
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        // The file stays where it is: a lock that is removed can be held twice.
        return new FileStream(Path.Combine(folder, LockName), options);
    }

    private static GatewayProcess? Read(string folder)
    {
        try
        {
            var file = new FileInfo(Path.Combine(folder, InfoName));
            if (!file.Exists || file.Length > MaxInfo)
                return null;
            using var json = JsonDocument.Parse(File.ReadAllBytes(file.FullName));
            return new GatewayProcess(
                json.RootElement.GetProperty("pid").GetInt32(),
                [.. json.RootElement.GetProperty("addresses").EnumerateArray().Select(address => address.GetString() ?? "")]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            // It is only just starting, or the file is another's; that it runs is known all the same.
            return null;
        }
    }
}

/// <summary>A gateway that uses a data folder.</summary>
/// <param name="ProcessId">Its process; 0 where that is not known.</param>
/// <param name="Addresses">Where it listens; empty where that is not known, or not so yet.</param>
public sealed record GatewayProcess(int ProcessId, IReadOnlyList<string> Addresses)
{
    /// <summary>For messages, e.g. <c>process 4711, http://127.0.0.1:11435</c>.</summary>
    public override string ToString() => ProcessId == 0 ? "it is starting"
        : FormattableString.Invariant($"process {ProcessId}{(Addresses.Count > 0 ? ", " + string.Join(", ", Addresses) : "")}");
}
