using System.Net.Sockets;

namespace Chasqui.Server;

/// <summary>The files of Unix sockets: a socket that no process listens on any more is replaced, another file is left alone, a new socket is its owner's alone.</summary>
internal static class UnixSocketFiles
{
    // The same on Linux and macOS.
    private const int NoSuchDevice = 6;

    /// <exception cref="EndpointUnavailableException">There is a file of another kind.</exception>
    public static void RemoveStale(IReadOnlyList<WireListen> listens)
    {
        foreach (var path in listens.Select(l => l.UnixPath).OfType<string>().Where(File.Exists))
        {
            if (!IsSocket(path))
                throw new EndpointUnavailableException($"cannot listen on unix:{path}: there is a file that is no socket, and it is left alone; choose another with --mcp unix:PATH or Mcp:Listen");
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                socket.Connect(new UnixDomainSocketEndPoint(path));
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
            {
                File.Delete(path);
            }
        }
    }

    public static void Restrict(IReadOnlyList<WireListen> listens)
    {
        if (OperatingSystem.IsWindows())
            return;
        foreach (var path in listens.Select(l => l.UnixPath).OfType<string>())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    /// <summary>A refused connection does not tell: on Linux, one to a file of another kind is refused too. A socket cannot be opened as a file.</summary>
    private static bool IsSocket(string path)
    {
        if (OperatingSystem.IsWindows())
            return (File.GetAttributes(path) & FileAttributes.ReparsePoint) != 0;
        try
        {
            // For reading and writing: a pipe with a name would else be waited for.
            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            return false;
        }
        catch (IOException e)
        {
            return e.HResult == NoSuchDevice;
        }
        catch (UnauthorizedAccessException)
        {
            // Neither can it be connected to, which says why.
            return true;
        }
    }
}
