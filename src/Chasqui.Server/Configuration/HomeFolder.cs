namespace Chasqui.Server;

/// <summary>The user's home folder.</summary>
internal static class HomeFolder
{
    /// <summary>Its path, whether it is there or not; empty where the user has none. A folder that is missing is named in the error of whatever needs it.</summary>
    public static string Path => Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify);

    /// <summary>A path in it; empty where there is no home folder, so that nothing is ever put into the working folder instead.</summary>
    public static string Combine(string name) => Path is { Length: > 0 } home ? System.IO.Path.Combine(home, name) : "";
}
